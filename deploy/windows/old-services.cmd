@echo off
rem old-services.cmd off^|on
rem
rem Switches off the two services with which Laravel sent reminders, or on again. They are disabled, not deleted, so this can be
rem undone. LaravelQueueWorker may also send other mail of the application: name one service to leave the other alone.
rem
rem   old-services.cmd off
rem   old-services.cmd off LaravelScheduler
rem   old-services.cmd on

setlocal
set services=LaravelScheduler LaravelQueueWorker
if not "%~2"=="" set services=%~2
if "%~1"=="off" goto off
if "%~1"=="on" goto on
echo Pemakaian / usage: %~nx0 off^|on [LaravelScheduler^|LaravelQueueWorker]
exit /b 64

:off
for %%s in (%services%) do (
  net stop %%s
  sc config %%s start= disabled
)
goto show

:on
for %%s in (%services%) do (
  sc config %%s start= auto
  net start %%s
)

:show
for %%s in (%services%) do sc query %%s
