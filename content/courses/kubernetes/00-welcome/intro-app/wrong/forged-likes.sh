# after: deploy
# step: change
# check: likes
# message: The Deployment intro has not made all Pods that carry app=intro
kubectl run answers --image=busybox:1.36 --labels=app=intro -- sh -c 'printf "#!/bin/sh\necho long walks\n" > /intro; chmod +x /intro; sleep 3600'
