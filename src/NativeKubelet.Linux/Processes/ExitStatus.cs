namespace NativeKubelet.Linux.Processes;

/// <summary>How a process ended (waitid(2)). Exactly one of the two tells: a signal of 0 means it exited by itself.</summary>
/// <param name="Code">0–255; 0 where a signal ended it.</param>
/// <param name="Signal">The deadly signal, else 0.</param>
public readonly record struct ExitStatus(int Code, int Signal)
{
    /// <summary>One number as shells and Kubernetes show it: 128+n for a death by signal n.</summary>
    public int ShellCode => Signal != 0 ? 128 + Signal : Code;

    public bool Success => Code == 0 && Signal == 0;

    public override string ToString() => Signal != 0 ? $"signal {Signal}" : $"exit code {Code}";
}
