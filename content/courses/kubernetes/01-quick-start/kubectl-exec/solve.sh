# step: page
kubectl wait --for=condition=Ready pod/web pod/pair --timeout=60s
kubectl exec web -- sh -c 'echo "Hello from inside" > /usr/share/nginx/html/index.html'

# step: shell
kubectl exec web -- sh -c 'hostname > /tmp/where'

# step: choose
kubectl exec pair -c notes -- sh -c 'echo $WORD > /tmp/word'

# step: restart
kubectl exec web -- sh -c 'kill 1'
