# step: page
# check: text
# message: The Pod web brings more with it than the image nginx:1.27
kubectl delete pod web --now
kubectl create configmap page --from-literal=index.html=mine
kubectl run web --image=nginx:1.27 --overrides='{"spec": {"containers": [{"name": "web", "image": "nginx:1.27", "volumeMounts": [{"name": "page", "mountPath": "/usr/share/nginx/html"}]}], "volumes": [{"name": "page", "configMap": {"name": "page"}}]}}'
kubectl wait --for=condition=Ready pod/web --timeout=60s
