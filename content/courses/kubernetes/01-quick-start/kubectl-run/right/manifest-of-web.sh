# step: server
kubectl apply -f - <<< '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "server", "image": "docker.io/library/nginx:1.27"}]}}'
