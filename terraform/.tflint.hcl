# make lint-terraform. The rules that come with tflint; those of providers are a download of their own.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
