# after: deploy
# step: change
# check: likes
# message: The page does not say what you like
kubectl set env deployment/intro LIKE="long walks"
kubectl rollout status deployment/intro
