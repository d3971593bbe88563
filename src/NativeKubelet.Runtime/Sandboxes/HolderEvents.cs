namespace NativeKubelet.Runtime.Sandboxes;

/// <summary>What a holder tells by itself. Told again on every new connection until <c>AcknowledgeAsync(Id)</c>.</summary>
/// <param name="Id">Grows in the order of what happened; 0 needs no acknowledgement.</param>
public abstract record HolderEvent(ulong Id);

/// <summary>Acknowledge only when the exit is recorded: the holder forgets the container then.</summary>
public sealed record ContainerExited(ulong Id, string ContainerId, HolderExit Exit) : HolderEvent(Id);

public sealed record ExecExited(ulong Id, string ContainerId, string ExecId, HolderExit Exit) : HolderEvent(Id);

/// <summary>A start that an earlier agent asked for and did not see the end of.</summary>
public sealed record LateStart(ulong Id, string ContainerId, string ExecId, RunResult Result) : HolderEvent(Id);

/// <summary>The sandbox is gone.</summary>
public sealed record PauseExited(ulong Id, HolderExit Exit) : HolderEvent(Id);

/// <param name="Records">Log records lost so far, for lack of space or by an I/O error.</param>
public sealed record LogDropped(ulong Id, string ContainerId, long Records, int Errno) : HolderEvent(Id);

/// <summary>The last event of a connection.</summary>
/// <param name="HolderDied">False: only the connection ended, e.g. as a newer agent took over.</param>
public sealed record HolderLost(bool HolderDied) : HolderEvent(0);

/// <summary>A holder refused or could not do what it was asked.</summary>
/// <param name="call">What was asked.</param>
/// <param name="errno">errno(3) of the step that failed.</param>
/// <param name="step">Which step or object.</param>
public sealed class HolderException(string call, int errno, string step)
    : Exception($"holder: {call}: {step}: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
{
    public int Errno { get; } = errno;
}
