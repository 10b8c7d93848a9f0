# after: ask
# step: change
# check: dns
# message: says that the DNS runs in the namespace default, but no Pod of coredns is there
kubectl create deployment coredns --image=nginx:1.27
kubectl label deployment coredns k8s-app=kube-dns
kubectl patch configmap notes --patch '{"data": {"dns": "default"}}'
