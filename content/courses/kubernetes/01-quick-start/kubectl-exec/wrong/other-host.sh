# step: shell
# check: file
# message: the file /tmp/where holds "workstation", and the host name of the container is another
kubectl exec web -- sh -c 'echo workstation > /tmp/where'
