using Microsoft.Extensions.Logging;
using NativeKubelet.Config;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Processes;

namespace NativeKubelet.Composition.Start;

/// <summary>What the agent asks of the kernel for itself before it touches a pod. A host that refuses is told of once, and lived with.</summary>
internal sealed partial class ProcessSetup(StartOptions options, bool protectKernelDefaults, ILogger log)
{
    private const uint GroupAndOthersMayNotWrite = 0x12;     // 022: containers read what is made for them, whatever mask started us

    /// <exception cref="ConfigException">The start must not go on; the message says how it could.</exception>
    public void Apply()
    {
        Mounts();
        OwnProcess.SetFileModeMask(GroupAndOthersMayNotWrite);
        ulong files = OwnProcess.RaiseOpenFileLimit((ulong)options.MaxOpenFiles);
        if (files < (ulong)options.MaxOpenFiles) OpenFilesLimited(options.MaxOpenFiles, files);
        if (!OwnProcess.TrySetOomScoreAdj(options.OomScoreAdj)) OomScoreKept(options.OomScoreAdj);
        if (options.SetKernelTunables)
            foreach (string refusal in KernelTunables.Apply(protectKernelDefaults, "/proc/sys")) TunableRefused(refusal);
        try
        {
            // Last: files of a process that may not be dumped belong to the machine's root, not to a user namespace's.
            OwnProcess.ForbidDumps();
        }
        catch (ErrnoException e)
        {
            DumpsPossible(e.Message);
        }
    }

    private void Mounts()
    {
        switch (OwnProcess.SharesMountsWithInit())
        {
            case null:
                MountsUnknown();
                break;
            case false when !options.AllowPrivateMounts:
                throw new ConfigException("this process has a mount namespace of its own, so the machine would not see the mounts of pods, and a restart would lose them; "
                    + "remove what makes one from the unit (PrivateTmp, ProtectSystem, ReadOnlyPaths, PrivateMounts and the like), or start with --allow-private-mounts");
            case false:
                MountsPrivate();
                break;
        }
    }

    [LoggerMessage(LogLevel.Information, "MountNamespaceUnknown: the kernel does not tell that of PID 1, so it is taken for this one")]
    private partial void MountsUnknown();

    [LoggerMessage(LogLevel.Warning, "MountNamespacePrivate: the machine does not see the mounts of pods, and they go with this process's namespace")]
    private partial void MountsPrivate();

    [LoggerMessage(LogLevel.Information, "OpenFilesLimited wanted={Wanted} allowed={Allowed}: the hard limit cannot be raised")]
    private partial void OpenFilesLimited(long wanted, ulong allowed);

    [LoggerMessage(LogLevel.Warning, "OomScoreKept wanted={Wanted}: CAP_SYS_RESOURCE is not held, so the agent is spared no more than others when memory runs out")]
    private partial void OomScoreKept(int wanted);

    [LoggerMessage(LogLevel.Warning, "KernelTunableRefused {Refusal}; pods run all the same")]
    private partial void TunableRefused(string refusal);

    [LoggerMessage(LogLevel.Warning, "DumpsPossible: {Cause}")]
    private partial void DumpsPossible(string cause);
}
