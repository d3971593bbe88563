using NativeKubelet.Core.Pods;
using NativeKubelet.Core.Probes;
using NativeKubelet.Pods;
using NativeKubelet.Probes;

namespace NativeKubelet.Tests.Unit.App.Probes;

public sealed class NotesTests
{
    [Fact]
    public void Verdicts_survive_but_not_that_of_liveness()
    {
        foreach (ProbeVerdicts verdicts in (ProbeVerdicts[])[ProbeVerdicts.None, new(true), new(true, false), new(null, true), new(true, true)])
            Assert.Equal(verdicts, VerdictFile.Parse(VerdictFile.Format(verdicts with { Liveness = false })));
        Assert.Equal(ProbeVerdicts.None, VerdictFile.Parse("rubbish"));
    }

    [Fact]
    public void A_pods_note_survives_and_rubbish_tells_nothing()
    {
        DateTimeOffset begun = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);
        PodFailure over = new("DeadlineExceeded", "Pod was\nactive");

        Assert.Equal((begun, null), PodNote.Parse(PodNote.Format(begun, null)));
        Assert.Equal((begun, over with { Message = "Pod was active" }), PodNote.Parse(PodNote.Format(begun, over)));
        Assert.Equal((null, null), PodNote.Parse("begun soon\nover\n"));
    }
}
