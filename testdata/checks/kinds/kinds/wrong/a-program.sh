# step: tell
# check: colour
# message: That is a program.
# answer nodes: 1
# answer colour: etcd
