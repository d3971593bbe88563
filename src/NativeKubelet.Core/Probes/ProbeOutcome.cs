namespace NativeKubelet.Core.Probes;

public enum ProbeResult
{
    Success,

    /// <summary>Counts as success, and is told.</summary>
    Warning,

    Failure,

    /// <summary>Nothing was found out about the container: not counted.</summary>
    Error,
}

/// <param name="Output">What the probed side said, or why nothing could be found out.</param>
public sealed record ProbeOutcome(ProbeResult Result, string Output = "")
{
    /// <summary>As much of an answer is kept, for messages.</summary>
    public const int MostBytes = 10 * 1024;

    public static readonly ProbeOutcome Success = new(ProbeResult.Success);

    public static ProbeOutcome Failure(string output) => new(ProbeResult.Failure, output);

    public static ProbeOutcome Error(string cause) => new(ProbeResult.Error, cause);

    /// <returns>The event's reason and message; null: nothing to tell.</returns>
    public (string Reason, string Message)? Event(ProbeKind kind) => Result switch
    {
        ProbeResult.Failure => ("Unhealthy", $"{kind} probe failed: {Output}"),
        ProbeResult.Error => ("Unhealthy", $"{kind} probe errored and resulted in unknown state: {Output}"),
        ProbeResult.Warning => ("ProbeWarning", $"{kind} probe warning: {Output}"),
        _ => null,
    };
}
