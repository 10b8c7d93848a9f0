# step: deploy
# check: who
# message: The page still says "nobody yet"
kubectl apply -f intro.yaml
kubectl rollout status deployment/intro
