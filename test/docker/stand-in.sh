#!/bin/sh
# stand-in.sh IMAGE: makes a local image under the tag of a public one, out of Debian's packages and npm's,
# for machines that reach no image registry. So the Dockerfiles here are what users build, unchanged.
# Needs root, docker and debootstrap; for node also npm.
set -eu

image=${1:?"usage: ${0##*/} debian:SUITE-slim|node:MAJOR-SUITE-slim"}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

case $image in
  debian:*-slim)
    suite=${image#debian:} suite=${suite%-slim}
    debootstrap --variant=minbase "$suite" "$folder/root" http://deb.debian.org/debian > "$folder/log" 2>&1 || {
      tail -n 20 "$folder/log" >&2
      exit 1
    }
    root=$folder/root
    # What the public image leaves out, too.
    rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
      "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/usr/share/info/* \
      "$root"/var/log/* "$root"/var/cache/debconf/*-old
    printf 'path-exclude /usr/share/%s/*\n' doc man locale info > "$root/etc/dpkg/dpkg.cfg.d/slim"
    echo 'path-include /usr/share/doc/*/copyright' >> "$root/etc/dpkg/dpkg.cfg.d/slim"
    # Nor do apt's caches stay in images that are made of it.
    printf 'Dir::Cache::%s "";\n' pkgcache srcpkgcache > "$root/etc/apt/apt.conf.d/slim"
    echo 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };' >> "$root/etc/apt/apt.conf.d/slim"
    # A package's script must not start services in a build.
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$image" > /dev/null
    ;;
  node:*-slim)
    version=${image#node:} major=${version%%-*} suite=${version#*-}
    arch=$(node -p 'process.arch')
    docker image inspect "debian:$suite" > /dev/null 2>&1 || "$0" "debian:$suite"
    (cd "$folder" && npm pack --silent "node-linux-$arch@$major" npm@11 > /dev/null)
    mkdir -p "$folder/npm"
    tar -C "$folder" -xzf "$folder/node-linux-$arch"-*.tgz package
    : >> "$folder/package/LICENSE"
    tar -C "$folder/npm" -xzf "$folder"/npm-*.tgz
    # Where a proxy stands before the registries, builds have to trust what this machine trusts.
    cp "${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}" "$folder/trusted.crt" 2> /dev/null ||
      : > "$folder/trusted.crt"
    cat > "$folder/Dockerfile" << 'END'
ARG BASE
FROM ${BASE}
COPY package/bin/node /usr/local/bin/node
COPY package/LICENSE /usr/local/LICENSE
COPY npm/package /usr/local/lib/node_modules/npm
COPY trusted.crt /etc/ssl/certs/trusted.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/trusted.crt
CMD ["node"]
END
    docker build --quiet --build-arg "BASE=debian:$suite" -t "$image" "$folder" > /dev/null
    ;;
  *)
    echo "${0##*/}: no stand-in for $image" >&2
    exit 2
    ;;
esac
echo "$image: made here, from packages"
