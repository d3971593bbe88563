namespace NativeKubelet.Core.Pods;

public enum RestartPolicy { Always, OnFailure, Never }

/// <summary>Whether a container that ended may run again (spec.restartPolicy).</summary>
public static class RestartRule
{
    /// <summary>Absent means Always; values outside the three were refused at the source.</summary>
    public static RestartPolicy Parse(string? policy) => policy switch
    {
        "Never" => RestartPolicy.Never,
        "OnFailure" => RestartPolicy.OnFailure,
        _ => RestartPolicy.Always,
    };

    public static bool Allows(RestartPolicy policy, int exitCode) => policy switch
    {
        RestartPolicy.Always => true,
        RestartPolicy.OnFailure => exitCode != 0,
        _ => false,
    };
}
