# after: expose
# step: follow
# check: endpoints
# message: Not all 5 Pods of the Deployment hello are ready endpoints of the Service hello yet
kubectl patch deployment hello --patch '{"spec": {"replicas": 5, "paused": true, "template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}}}}'
kubectl patch service hello --type=json --patch '[{"op": "remove", "path": "/spec/selector"}]'
kubectl create -f - <<< '{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "hello-mine", "labels": {"kubernetes.io/service-name": "hello"}}, "addressType": "IPv4", "ports": [{"name": "", "port": 8080, "protocol": "TCP"}], "endpoints": [{"addresses": ["10.244.9.1"]}, {"addresses": ["10.244.9.2"]}, {"addresses": ["10.244.9.3"]}, {"addresses": ["10.244.9.4"]}, {"addresses": ["10.244.9.5"]}]}'
kubectl delete endpointslice --selector 'kubernetes.io/service-name=hello,endpointslice.kubernetes.io/managed-by=endpointslice-controller.k8s.io'
