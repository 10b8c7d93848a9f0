# after: expose
# step: call
kubectl wait --for=condition=Available deployment/hello --timeout=60s
kubectl run caller --image=busybox:1.36 --restart=OnFailure --command -- sh -c 'printf "GET / HTTP/1.0\r\n\r\n" | nc hello 80'
