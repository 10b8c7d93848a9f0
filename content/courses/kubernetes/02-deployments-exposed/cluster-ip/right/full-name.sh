# after: expose
# step: call
kubectl wait --for=condition=Available deployment/hello --timeout=60s
kubectl run caller --image=busybox:1.36 --restart=Never -- sh -c 'sleep 2; wget -O - http://hello.default.svc.cluster.local:80/'
