# Prints what bash would offer for a line, one per line: complete.bash SCRIPT LINE
# The words are cut as readline cuts them: at blanks, and around each =.
source "$1"
COMP_LINE=$2
COMP_POINT=${#2}
COMP_WORDS=()
cut=${2//=/ = }
for word in $cut; do COMP_WORDS+=("$word"); done
[[ $2 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_gossipd
printf '%s\n' "${COMPREPLY[@]}"
