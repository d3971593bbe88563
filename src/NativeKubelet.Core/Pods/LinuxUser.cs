namespace NativeKubelet.Core.Pods;

/// <summary>Whom a container's first process began as, by the ids that it sees itself.</summary>
/// <param name="Groups">The primary one among them.</param>
public sealed record LinuxUser(uint Uid, uint Gid, ValueList<uint> Groups);
