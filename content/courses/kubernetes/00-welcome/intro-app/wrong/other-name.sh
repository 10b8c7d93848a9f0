# after: deploy
# step: expose
# check: service
# message: There is no Service named intro in namespace default
kubectl expose deployment intro --name=intro-page --port=80 --target-port=8080
