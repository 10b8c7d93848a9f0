# after: expose
# step: follow
# check: endpoints
# message: Want 5 replicas, and the Deployment hello asks for 4.
kubectl scale deployment hello --replicas=4
