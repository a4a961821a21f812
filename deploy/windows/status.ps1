<#
.SYNOPSIS
Bagaimana keadaannya: tugas di Task Scheduler, lalu apa yang terkirim, menunggu, gagal.
How things stand: the task in Task Scheduler, then what was sent, waits, failed.

.DESCRIPTION
Hasil terakhir sebuah tugas adalah kode keluar program: 0 selesai, 10 perlu dilihat orang, 75 coba lagi nanti, 78 pengaturan
salah. A task's last result is the exit code of the program: 0 done, 10 something needs a person, 75 a retry may help,
78 wrong settings.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File status.ps1 -Settings D:\web\TA\perpustakaan\.env
#>
param(
    [string]$Program = (Join-Path $PSScriptRoot 'pengingat.exe'),
    [string]$Settings
)

$ErrorActionPreference = 'Stop'
$tasks = Get-ScheduledTask -TaskName 'Pengingat*' -ErrorAction SilentlyContinue
$columns = @('TaskName', 'LastRunTime', 'LastTaskResult', 'NextRunTime')
$tasks | Get-ScheduledTaskInfo | Format-Table -AutoSize -Property $columns

$arguments = @('status')
if ($Settings) { $arguments += @('--env', (Resolve-Path -LiteralPath $Settings).ProviderPath) }

& $Program @arguments
exit $LASTEXITCODE
