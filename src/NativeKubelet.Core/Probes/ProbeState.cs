namespace NativeKubelet.Core.Probes;

/// <summary>Results of one probe in, verdict out. A verdict changes only after enough equal results in a row.</summary>
/// <param name="Verdict">Null before the first one.</param>
/// <param name="Last">The newest result.</param>
/// <param name="Run">How many in a row were like it.</param>
public sealed record ProbeState(bool? Verdict, bool Last, int Run)
{
    /// <param name="verdict">What an earlier agent had decided.</param>
    public static ProbeState From(bool? verdict) => new(verdict, false, 0);

    public ProbeState After(ProbeRule rule, bool success)
    {
        int run = Run > 0 && Last == success ? Run + 1 : 1;
        bool decides = run >= (success ? rule.SuccessThreshold : rule.FailureThreshold);
        return new(decides ? success : Verdict, success, run);
    }

    /// <summary>There is nothing left to find out about this instance: it has started, or it will be killed.</summary>
    public bool IsFinal(ProbeRule rule) => rule.Kind switch
    {
        ProbeKind.Startup => Verdict is not null,
        ProbeKind.Liveness => Verdict == false,
        _ => false,
    };
}
