# SPDX-License-Identifier: Apache-2.0
#
# Runs a script of the HLS tool under a plain tclsh: prelude.tcl SCRIPT COMMAND...
# Each COMMAND is a procedure that hands its words to the stand-in, which answers on the same pipe:
# "say TEXT" lines, then "ok TEXT" or "error TEXT". Words travel as hexadecimal UTF-8.
set standin_out [open "/dev/fd/$::env(STANDIN_TO)" w]
set standin_in [open "/dev/fd/$::env(STANDIN_FROM)" r]
fconfigure $standin_out -buffering line

proc standin_call {name words} {
    set line $name
    foreach word $words {
        append line " x" [binary encode hex [encoding convertto utf-8 $word]]
    }
    puts $::standin_out $line
    while {[gets $::standin_in reply] >= 0} {
        set kind [lindex $reply 0]
        set hex [string range [lindex $reply 1] 1 end]
        set text [encoding convertfrom utf-8 [binary decode hex $hex]]
        switch $kind {
            say { puts $text; flush stdout }
            ok { return $text }
            error { error $text }
        }
    }
    error "the stand-in is gone"
}

foreach standin_name [lrange $argv 1 end] {
    proc $standin_name {args} [format {standin_call %s $args} $standin_name]
}
set standin_script [lindex $argv 0]
set argv {}
source $standin_script
# The real tool would now wait for a person to type, for ever.
puts "ERROR: the script did not end with exit"
exit 97
