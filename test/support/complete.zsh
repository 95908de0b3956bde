# Prints what zsh would offer for a line, one per line: complete.zsh SCRIPT LINE SETUP
# SETUP is a file that can be written. The line is typed into a zsh in a pseudo terminal, whose
# compadd tells what it is given.
zmodload zsh/zpty || exit 2
cat >$3 <<'SETUP'
PROMPT= RPROMPT=
unsetopt zle_bracketed_paste 2>/dev/null
autoload -Uz compinit
compinit -D -u
source $SCRIPT
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -O hits "$@"
  (( $#hits )) && print -lr -- ${hits/#/'<hit>'}
  return 1
}
complete_it() {
  _main_complete
  print '<done>'
  exit
}
zle -C complete_it complete-word complete_it
bindkey '^I' complete_it
SETUP
zpty inner zsh -f -i
zpty -w inner "SCRIPT=${(q)1}; source ${(q)3}; print '<read''y>'"
while zpty -r inner line; do
  [[ $line == *'<ready>'* ]] && break
done
zpty -n -w inner "$2"$'\t'
while zpty -r inner line; do
  [[ $line == *'<done>'* ]] && break
  [[ $line == *'<hit>'* ]] && print -r -- ${${line##*'<hit>'}%%$'\r'*}
done
zpty -d inner
