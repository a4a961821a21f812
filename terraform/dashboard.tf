# In PromQL, which can give the sum of a distribution; the filter language gives its shape only.

locals {
  prom = { for key in concat(keys(local.counters), keys(local.numbers)) : key => "logging_googleapis_com:user_${replace(var.name, "-", "_")}_${key}" }
  here = "{monitored_resource=\"cloud_run_revision\"}[1h]"

  # What happened in the hour before, and the mean over the runs in it.
  total = { for key, prom in local.prom : key => contains(keys(local.numbers), key) ? "sum(increase(${prom}_sum${local.here}))" : "sum(increase(${prom}${local.here}))" }
  mean  = { for key in keys(local.numbers) : key => "sum(increase(${local.prom[key]}_sum${local.here})) / sum(increase(${local.prom[key]}_count${local.here}))" }

  charts = [
    { title = "Emails sent in an hour", query = local.total.sent },
    { title = "Emails waiting after a run", query = local.mean.waiting },
    { title = "Duration of a run in seconds", query = "${local.mean.duration_ms} / 1000" },
    { title = "Emails refused for good in an hour", query = local.total.refused },
    { title = "Successful runs in an hour", query = local.total.alive },
    { title = "Runs that stopped in an hour", query = local.total.stopped },
    { title = "Runs with a failed or unknown email in an hour", query = local.total.undelivered },
    { title = "Calls refused in an hour", query = local.total.refused_calls },
  ]
}

resource "google_monitoring_dashboard" "reminders" {
  for_each = local.watched

  dashboard_json = jsonencode({
    displayName = "${var.name}: reminders"
    mosaicLayout = {
      columns = 12
      # Two in a row.
      tiles = [for i, chart in local.charts : {
        xPos   = i % 2 * 6
        yPos   = floor(i / 2) * 4
        width  = 6
        height = 4
        widget = {
          title = chart.title
          xyChart = {
            dataSets = [{ plotType = "LINE", timeSeriesQuery = { prometheusQuery = chart.query } }]
            yAxis    = { scale = "LINEAR" }
          }
        }
      }]
    }
  })

  depends_on = [google_logging_metric.counter, google_logging_metric.number]
}
