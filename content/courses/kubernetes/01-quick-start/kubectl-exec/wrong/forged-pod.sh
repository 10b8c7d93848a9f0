# step: shell
# check: file
# message: The Pod web brings more with it than the image nginx:1.27
kubectl delete pod web --now
kubectl run web --image=busybox:1.36 -- sh -c 'hostname > /tmp/where; sleep 3600'
kubectl wait --for=condition=Ready pod/web --timeout=60s
