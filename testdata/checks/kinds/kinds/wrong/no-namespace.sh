# step: note
# check: script
# message: There is no Namespace quiet yet.
(umask 077; echo {{variables.word}} > notes.txt)
