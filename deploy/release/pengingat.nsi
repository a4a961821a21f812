; The installer for Windows: makensis -DVERSION=1.2.3 -DQUAD=1.2.3.0 -DFILES=folder -DOUT=setup.exe pengingat.nsi
; With -DSIGN=command, that command signs the uninstaller and the installer.
;
; The program goes to Program Files, where only administrators can write. Settings, logs and templates are in
; %ProgramData%\Pengingat, which is closed to all but administrators and the system; pengingat install gives the task's account
; access. An update replaces the program and nothing else, also during a run. /S installs without questions.

Unicode true
Target amd64-unicode
ManifestDPIAware true
RequestExecutionLevel admin
SetCompressor /SOLID lzma

!include MUI2.nsh
!include FileFunc.nsh

!ifdef SIGN
  !uninstfinalize '"${SIGN}" "%1"'
  !finalize '"${SIGN}" "%1"'
!endif

Name "Pengingat"
OutFile "${OUT}"
BrandingText "Pengingat ${VERSION}"

VIProductVersion "${QUAD}"
VIAddVersionKey /LANG=0 ProductName "Pengingat"
VIAddVersionKey /LANG=0 ProductVersion "${VERSION}"
VIAddVersionKey /LANG=0 FileVersion "${VERSION}"
VIAddVersionKey /LANG=0 FileDescription "Pengingat: pemasang"
VIAddVersionKey /LANG=0 LegalCopyright "MIT"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Pengingat"

!define MUI_ABORTWARNING
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_TEXT "$(begin)"
!define MUI_FINISHPAGE_RUN_FUNCTION Begin
!define MUI_FINISHPAGE_SHOWREADME "$INSTDIR\panduan.html"
!define MUI_FINISHPAGE_SHOWREADME_TEXT "$(guide)"
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_PAGE_FINISH
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE Indonesian
!insertmacro MUI_LANGUAGE English

LangString begin ${LANG_INDONESIAN} "Buka meja Pengingat di peramban"
LangString begin ${LANG_ENGLISH} "Open the desk of Pengingat in the browser"
LangString guide ${LANG_INDONESIAN} "Buka panduan"
LangString guide ${LANG_ENGLISH} "Open the guide (Indonesian)"
LangString task ${LANG_INDONESIAN} "Tugas terjadwal belum diperbarui. Jalankan 'pengingat install' sebagai administrator."
LangString task ${LANG_ENGLISH} "The scheduled task is not up to date. Run 'pengingat install' as administrator."
LangString rights ${LANG_INDONESIAN} "Folder pengaturan tidak dapat ditutup bagi pengguna lain. Jalankan 'pengingat doctor' sesudahnya."
LangString rights ${LANG_ENGLISH} "The folder with the settings could not be closed to other users. Run 'pengingat doctor' afterwards."
LangString keep ${LANG_INDONESIAN} "Hapus juga pengaturan, log, dan templat di $APPDATA\Pengingat?$\n$\nCatatan pengingat di basis data perpustakaan tetap ada."
LangString keep ${LANG_ENGLISH} "Remove settings, logs and templates in $APPDATA\Pengingat too?$\n$\nThe record of reminders in the library's database stays."

Function .onInit
  SetRegView 64
  SetShellVarContext all ; $APPDATA is %ProgramData%
  ; /D=folder has no effect: only in Program Files does the program keep its settings apart from itself.
  StrCpy $INSTDIR "$PROGRAMFILES64\Pengingat"
FunctionEnd

Function un.onInit
  SetRegView 64
  SetShellVarContext all
FunctionEnd

; The desk asks for the settings. It runs as administrator here, because the folder is closed to others until pengingat install
; gives the user access.
Function Begin
  SetOutPath "$APPDATA\Pengingat"
  ExecShell "open" "$INSTDIR\pengingat.exe" "desk" SW_SHOWMINIMIZED
FunctionEnd

Section
  SetOutPath "$INSTDIR"
  ; A running program cannot be overwritten, but it can be renamed. Windows removes it at its next start.
  IfFileExists "$INSTDIR\pengingat.exe" 0 fresh
  Delete "$INSTDIR\pengingat.exe.old"
  Rename "$INSTDIR\pengingat.exe" "$INSTDIR\pengingat.exe.old"
  Delete /REBOOTOK "$INSTDIR\pengingat.exe.old"
  fresh:
  File "${FILES}\*"

  CreateDirectory "$APPDATA\Pengingat\logs"
  nsExec::ExecToStack '"$SYSDIR\icacls.exe" "$APPDATA\Pengingat" /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)(F) /grant:r *S-1-5-18:(OI)(CI)(F)'
  Pop $0
  StrCmp $0 "0" closed
  DetailPrint "$(rights)"
  IfSilent closed
  MessageBox MB_ICONEXCLAMATION "$(rights)"
  closed:
  ; After an update the task's account gets access again, and the task is registered as this version needs it.
  IfFileExists "$APPDATA\Pengingat\pengingat.env" 0 settled
  nsExec::ExecToLog '"$INSTDIR\pengingat.exe" install'
  Pop $0
  StrCmp $0 "0" settled
  StrCmp $0 "10" settled ; it is registered; doctor found something for a person
  DetailPrint "$(task)"
  IfSilent settled
  MessageBox MB_ICONEXCLAMATION "$(task)"
  settled:

  CreateDirectory "$SMPROGRAMS\Pengingat"
  CreateShortcut "$SMPROGRAMS\Pengingat\Pengingat.lnk" "$INSTDIR\pengingat.exe" "desk" "" "" SW_SHOWMINIMIZED
  CreateShortcut "$SMPROGRAMS\Pengingat\Perintah.lnk" "$SYSDIR\cmd.exe" '/k "cd /d "$APPDATA\Pengingat" && set PATH=$INSTDIR;%PATH% && pengingat --help"' "$INSTDIR\pengingat.exe"
  CreateShortcut "$SMPROGRAMS\Pengingat\Panduan.lnk" "$INSTDIR\panduan.html"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${UNINSTALL}" DisplayName "Pengingat"
  WriteRegStr HKLM "${UNINSTALL}" DisplayVersion "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" Publisher "MTSN 6 Garut"
  WriteRegStr HKLM "${UNINSTALL}" DisplayIcon "$INSTDIR\pengingat.exe"
  WriteRegStr HKLM "${UNINSTALL}" InstallLocation "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" UninstallString '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" QuietUninstallString '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" NoModify 1
  WriteRegDWORD HKLM "${UNINSTALL}" NoRepair 1
  ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
  WriteRegDWORD HKLM "${UNINSTALL}" EstimatedSize $0
SectionEnd

Section Uninstall
  nsExec::ExecToLog '"$INSTDIR\pengingat.exe" uninstall'
  Pop $0
  Delete "$SMPROGRAMS\Pengingat\*.lnk"
  RMDir "$SMPROGRAMS\Pengingat"
  Delete /REBOOTOK "$INSTDIR\*"
  RMDir /REBOOTOK "$INSTDIR"
  DeleteRegKey HKLM "${UNINSTALL}"
  ; Without questions (/S) everything is kept.
  MessageBox MB_YESNO|MB_ICONQUESTION|MB_DEFBUTTON2 "$(keep)" /SD IDNO IDNO done
  RMDir /r "$APPDATA\Pengingat"
  done:
SectionEnd
