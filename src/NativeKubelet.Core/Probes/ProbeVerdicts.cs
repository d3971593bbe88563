namespace NativeKubelet.Core.Probes;

public enum ProbeKind { Startup, Readiness, Liveness }

/// <summary>What the probes of one container instance have decided so far; null: nothing yet, or there is no such probe.</summary>
public sealed record ProbeVerdicts(bool? Startup = null, bool? Readiness = null, bool? Liveness = null)
{
    public static readonly ProbeVerdicts None = new();

    public ProbeVerdicts With(ProbeKind kind, bool success) => kind switch
    {
        ProbeKind.Startup => this with { Startup = success },
        ProbeKind.Readiness => this with { Readiness = success },
        _ => this with { Liveness = success },
    };

    public bool? Of(ProbeKind kind) => kind switch
    {
        ProbeKind.Startup => Startup,
        ProbeKind.Readiness => Readiness,
        _ => Liveness,
    };
}
