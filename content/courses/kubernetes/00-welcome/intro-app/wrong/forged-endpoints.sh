# after: deploy
# step: expose
# check: service
# message: The Service intro sends requests to port 80 of the Pod, where nobody listens
kubectl expose deployment intro --port=80
kubectl create -f - <<< '{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "intro-mine", "labels": {"kubernetes.io/service-name": "intro"}}, "addressType": "IPv4", "ports": [{"name": "", "port": 8080, "protocol": "TCP"}], "endpoints": [{"addresses": ["'"$(kubectl get pods --selector app=intro -o jsonpath='{.items[0].status.podIP}')"'"], "conditions": {"ready": true}}]}'
