# after: mark
# step: heal
# check: replaced
# message: The Deployment web asks for 3 replicas; bring it back to 2 first
kubectl scale deployment web --replicas=3
