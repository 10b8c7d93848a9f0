# step: page
# check: text
# message: the Pod web still shows the page that came with the image
kubectl exec web -- echo "Hello" > index.html
