# step: deploy
# check: who
# message: The Deployment intro has not made all Pods that carry app=intro
kubectl apply -f intro.yaml
kubectl run answers --image=busybox:1.36 --labels=app=intro -- sh -c 'printf "#!/bin/sh\necho Ada\n" > /intro; chmod +x /intro; sleep 3600'
kubectl rollout status deployment/intro
