# after: mark
# step: heal
# check: replaced
# message: A Pod of the Deployment web has no mark, but is as old as the Deployment's first Pods
kubectl label pod "$(kubectl get pods --selector app=web -o jsonpath='{.items[0].metadata.name}')" batch-
kubectl patch deployment web --subresource=status --field-manager=kube-controller-manager --patch '{"status": {"conditions": [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastUpdateTime": "2020-01-01T00:00:00Z"}]}}'
