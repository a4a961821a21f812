# What is watched comes from two logs: the one line that every run writes (reminder.Report, as package setup's handler renders
# it), and the platform's line for each request. A test of the repository holds the field names here against a real line.

locals {
  watched = var.alerts ? { on = true } : {}

  from_function = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}\""
  runs          = "${local.from_function} AND jsonPayload.message=\"run\" AND jsonPayload.dry_run=false"
  requests      = "${local.from_function} AND log_id(\"run.googleapis.com/requests\")"

  # Lines that are counted. Alerts and the dashboard name them by their keys.
  counters = {
    alive = {
      description = "Runs that did what they should: work, or nothing because the library is closed or a person paused it"
      filter      = "${local.runs} AND (jsonPayload.outcome=(\"done\" OR \"partial\" OR \"closed\" OR \"held\") OR (jsonPayload.outcome=\"paused\" AND jsonPayload.reason=\"person\"))"
    }
    stopped = {
      description = "Runs that stopped, and requests that ended in an error or in the platform's timeout; 503 only says that work is left"
      filter      = "(${local.runs} AND jsonPayload.outcome=\"stopped\") OR (${local.requests} AND httpRequest.status=(500 OR 502 OR 504))"
    }
    held = {
      description = "Runs that hold back until a person approves"
      filter      = "${local.runs} AND jsonPayload.outcome=\"held\""
    }
    undelivered = {
      description = "Runs in which an email failed for good or its outcome stayed unknown"
      filter      = "${local.runs} AND (jsonPayload.emails.failed>0 OR jsonPayload.emails.unknown>0)"
    }
    late = {
      description = "Runs after which an email had waited for more than a day"
      filter      = "${local.runs} AND jsonPayload.oldest_waiting_seconds>=86400"
    }
    refused_calls = {
      description = "Calls that the platform refused: without a token, with a wrong one, or from outside"
      filter      = "${local.requests} AND httpRequest.status=(401 OR 403 OR 404)"
    }
  }

  # Numbers in the line of a run. Each line is one point of a distribution, so that its mean and sum are exact.
  numbers = {
    sent        = { field = "jsonPayload.emails.sent", unit = "1", description = "Emails accepted by the mail server" }
    refused     = { field = "jsonPayload.emails.refused", unit = "1", description = "Emails refused for good" }
    waiting     = { field = "jsonPayload.emails.waiting", unit = "1", description = "Emails that wait after the run" }
    duration_ms = { field = "jsonPayload.duration_ms", unit = "ms", description = "How long the run took" }
  }

  channels = concat(var.notification_channels, [for channel in google_monitoring_notification_channel.email : channel.name])

  # How often a counter was counted in the time before; absent when it never was.
  counted = { for key in keys(local.counters) : key => {
    for span in ["1h", "70m", "2h", "3h"] : span => "sum(increase(${local.prom[key]}{monitored_resource=\"cloud_run_revision\"}[${span}]))"
  } }

  # Each has a page in docs/runbooks/ of its key's name, with hyphens. The queries are PromQL, which may name a metric that does
  # not exist yet. A condition of the other kind fails with 404 in the first apply, because a log-based metric is known to
  # Monitoring only some minutes after it was made. A sum of increases is no whole number, so "more than 0" is "> 0.5".
  alerts = {
    # The absence of success. Runs at night and on closed days count as alive, so three hours without one are three hours without
    # one, at any time. absent_over_time covers a function that never ran.
    no_run = {
      title    = "no successful run for 3 hours"
      severity = "CRITICAL"
      query    = "${local.counted.alive["3h"]} < 0.5 or absent_over_time(${local.prom.alive}{monitored_resource=\"cloud_run_revision\"}[3h])"
      text     = "No run has succeeded for three hours, so nobody is reminded."
    }
    # One failure heals by itself: Cloud Scheduler repeats the call, and with it the first connection of a cold start.
    # 70 minutes reach back over the run of the hour before.
    stopped = {
      title    = "runs stop or fail, two or more in a row"
      severity = "ERROR"
      query    = "${local.counted.stopped["2h"]} > 1.5 unless ${local.counted.alive["70m"]} > 0.5"
      text     = "Runs cannot do their work: the database, the mail server or the configuration. Nothing is lost; the next run goes on where the last one stopped."
    }
    held = {
      title    = "a run waits for a person's approval"
      severity = "ERROR"
      query    = "${local.counted.held["1h"]} > 0.5"
      text     = "A run planned unusually many emails, or the records look as if they came from a backup. Nothing is sent until somebody looks."
    }
    undelivered = {
      title    = "emails failed or have an unknown outcome"
      severity = "WARNING"
      query    = "${local.counted.undelivered["1h"]} > 0.5"
      text     = "Some emails were given up after their last try, or may or may not have been sent."
    }
    late = {
      title    = "emails have waited for more than a day"
      severity = "WARNING"
      query    = "${local.counted.late["1h"]} > 0.5"
      text     = "More is promised than is sent: a pause of the mail provider, a daily limit, or runs that end before their work."
    }
    refused_calls = {
      title    = "more refused calls than usual"
      severity = "WARNING"
      query    = "${local.counted.refused_calls["1h"]} > ${var.refused_calls_an_hour + 0.5}"
      text     = "Somebody calls the function without being allowed to. They were refused."
    }
  }
}

resource "google_logging_metric" "counter" {
  for_each = { for key, counter in local.counters : key => counter if var.alerts }

  name        = "${var.name}/${each.key}"
  description = each.value.description
  filter      = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }

  depends_on = [google_project_service.needed]
}

resource "google_logging_metric" "number" {
  for_each = { for key, number in local.numbers : key => number if var.alerts }

  name            = "${var.name}/${each.key}"
  description     = each.value.description
  filter          = local.runs
  value_extractor = "EXTRACT(${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
  }

  bucket_options {
    exponential_buckets {
      num_finite_buckets = 24
      growth_factor      = 2
      scale              = 1
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = { for key, on in local.watched : key => on if var.alert_email != "" }

  display_name = "${var.name}: alerts"
  type         = "email"
  labels       = { email_address = var.alert_email }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "watch" {
  for_each = { for key, alert in local.alerts : key => alert if var.alerts }

  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = local.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = "0s"
      evaluation_interval       = "300s"
      disable_metric_validation = true # see local.alerts
    }
  }

  documentation {
    subject   = "${var.name}: ${each.value.title}"
    mime_type = "text/markdown"
    content   = "${each.value.text} Runbook: ${var.runbooks}/${replace(each.key, "_", "-")}.md"

    links {
      display_name = "Runbook"
      url          = "${var.runbooks}/${replace(each.key, "_", "-")}.md"
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.needed]
}
