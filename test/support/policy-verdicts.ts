/**
 * Who may call what and where that goes, written down by hand from DESIGN §3: the policy and the contracts that it is
 * made from are both held against it. `CALLER SERVICE+ARGUMENT TARGET-AS-NAMED ANSWERED-BY`, `+*` being any argument.
 * What is not here is denied.
 */
export const allowedCalls: readonly string[] = `
getter       rebuilder.Lease+get           @default        rebuilder-orchestrator
getter       rebuilder.Renew+get           @default        rebuilder-orchestrator
getter       rebuilder.Fetch+get           @default        rebuilder-orchestrator
getter       rebuilder.Return+get          @default        rebuilder-orchestrator
rebuilder    rebuilder.Lease+rebuild       @default        rebuilder-orchestrator
rebuilder    rebuilder.Renew+rebuild       @default        rebuilder-orchestrator
rebuilder    rebuilder.Fetch+rebuild       @default        rebuilder-orchestrator
rebuilder    rebuilder.Return+rebuild      @default        rebuilder-orchestrator
rebuilder    rebuilder.Lease+diff          @default        rebuilder-orchestrator
rebuilder    rebuilder.Renew+diff          @default        rebuilder-orchestrator
rebuilder    rebuilder.Fetch+diff          @default        rebuilder-orchestrator
rebuilder    rebuilder.Return+diff         @default        rebuilder-orchestrator
attester     rebuilder.Lease+attest        @default        rebuilder-orchestrator
attester     rebuilder.Renew+attest        @default        rebuilder-orchestrator
attester     rebuilder.Fetch+attest        @default        rebuilder-orchestrator
attester     rebuilder.Return+attest       @default        rebuilder-orchestrator
reporter     rebuilder.Lease+report        @default        rebuilder-orchestrator
reporter     rebuilder.Renew+report        @default        rebuilder-orchestrator
reporter     rebuilder.Fetch+report        @default        rebuilder-orchestrator
reporter     rebuilder.Return+report       @default        rebuilder-orchestrator
uploader     rebuilder.Lease+upload        @default        rebuilder-orchestrator
uploader     rebuilder.Renew+upload        @default        rebuilder-orchestrator
uploader     rebuilder.Fetch+upload        @default        rebuilder-orchestrator
uploader     rebuilder.Return+upload       @default        rebuilder-orchestrator
admin        rebuilder.Trigger+get         @default        rebuilder-orchestrator
admin        rebuilder.Trigger+rebuild     @default        rebuilder-orchestrator
admin        rebuilder.Trigger+report      @default        rebuilder-orchestrator
admin        rebuilder.Trigger+upload      @default        rebuilder-orchestrator
webhook      rebuilder.Trigger+get         @default        rebuilder-orchestrator
admin        rebuilder.Control+cancel      @default        rebuilder-orchestrator
admin        rebuilder.Control+requeue     @default        rebuilder-orchestrator
admin        rebuilder.Control+pause       @default        rebuilder-orchestrator
admin        rebuilder.Control+resume      @default        rebuilder-orchestrator
admin        rebuilder.Control+drain       @default        rebuilder-orchestrator
admin        rebuilder.Control+resign      @default        rebuilder-orchestrator
admin        rebuilder.Query+status        @default        rebuilder-orchestrator
admin        rebuilder.Query+jobs          @default        rebuilder-orchestrator
admin        rebuilder.Query+results       @default        rebuilder-orchestrator
admin        rebuilder.Query+result        @default        rebuilder-orchestrator
admin        rebuilder.Query+history       @default        rebuilder-orchestrator
admin        rebuilder.Query+signed        @default        rebuilder-orchestrator
admin        rebuilder.Query+log           @default        rebuilder-orchestrator
admin        rebuilder.Query+metrics       @default        rebuilder-orchestrator
admin        rebuilder.Query+object        @default        rebuilder-orchestrator
admin        rebuilder.Query+publication   @default        rebuilder-orchestrator
reporter     rebuilder.Query+results       @default        rebuilder-orchestrator
reporter     rebuilder.Query+result        @default        rebuilder-orchestrator
reporter     rebuilder.Query+log           @default        rebuilder-orchestrator
reporter     rebuilder.Query+metrics       @default        rebuilder-orchestrator
reporter     rebuilder.Query+publication   @default        rebuilder-orchestrator
rebuilder    rebuilder.Build+deb           @dispvm         @dispvm:rebuilder-dvm-debian
rebuilder    rebuilder.Build+rpm           @dispvm         @dispvm:rebuilder-dvm-fedora
rebuilder    rebuilder.Diff+               @dispvm         @dispvm:rebuilder-dvm-debian
attester     rebuilder.Sign+reproducible   @default        rebuilder-vault
attester     rebuilder.Sign+unreproducible @default        rebuilder-vault
attester     rebuilder.Sign+manifest       @default        rebuilder-vault
attester     qubes.Gpg+                    @default        rebuilder-vault
attester     qubes.Gpg+                    rebuilder-vault rebuilder-vault
attester     qubes.Gpg2+                   @default        rebuilder-vault
attester     qubes.Gpg2+                   rebuilder-vault rebuilder-vault
orchestrator qubes.GetDate+*               @default        dom0
vault        qubes.GetDate+*               @default        dom0
getter       qubes.GetDate+*               @default        dom0
rebuilder    qubes.GetDate+*               @default        dom0
attester     qubes.GetDate+*               @default        dom0
reporter     qubes.GetDate+*               @default        dom0
uploader     qubes.GetDate+*               @default        dom0
webhook      qubes.GetDate+*               @default        dom0
getter       qubes.NotifyUpdates+*         dom0            dom0
uploader     qubes.NotifyUpdates+*         dom0            dom0
webhook      qubes.NotifyUpdates+*         dom0            dom0
`
  .trim()
  .split('\n')
  .map((line) => line.replace(/ +/g, ' '));
