# step: shell
# check: file
# message: The file /tmp/where holds "workstation", and the host name of the container is another
kubectl wait --for=condition=Ready pod/web pod/pair --timeout=60s
kubectl exec web -- sh -c 'echo workstation > /tmp/where'
