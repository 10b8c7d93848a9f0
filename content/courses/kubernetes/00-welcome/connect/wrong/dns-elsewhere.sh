# after: ask
# step: change
# check: dns
# message: says that the DNS runs in the namespace default, but no Pod of coredns is there
kubectl patch configmap notes --patch '{"data": {"dns": "default"}}'
