# after: expose
# step: call
# check: caller
# message: The Pod caller has names of its own under hostAliases
kubectl wait --for=condition=Available deployment/hello --timeout=60s
kubectl run caller --image=busybox:1.36 --restart=Never --overrides='{"spec": {"hostAliases": [{"ip": "'"$(kubectl get pods --selector app=hello -o jsonpath='{.items[0].status.podIP}')"'", "hostnames": ["hello"]}]}}' -- wget -qO- http://hello:8080
