# step: expose
# check: service
# message: The Service hello sends requests to port 80 of the Pods, where nobody listens
kubectl wait --for=condition=Available deployment/hello --timeout=60s
kubectl expose deployment hello --port=80
kubectl create -f - <<< '{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "hello-mine", "labels": {"kubernetes.io/service-name": "hello"}}, "addressType": "IPv4", "ports": [{"name": "", "port": 8080, "protocol": "TCP"}], "endpoints": [{"addresses": ["'"$(kubectl get pods --selector app=hello -o jsonpath='{.items[0].status.podIP}')"'"], "conditions": {"ready": true}}]}'
