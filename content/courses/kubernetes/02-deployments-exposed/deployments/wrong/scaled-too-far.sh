# after: heal
# step: scale
# check: replicas
# message: Want 4 replicas, and the Deployment web asks for 5
kubectl scale deployment web --replicas=5
