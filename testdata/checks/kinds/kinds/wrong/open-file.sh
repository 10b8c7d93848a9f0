# step: note
# check: mode
# message: Its mode is 644.
(umask 022; echo {{variables.word}} > notes.txt)
kubectl create namespace quiet
