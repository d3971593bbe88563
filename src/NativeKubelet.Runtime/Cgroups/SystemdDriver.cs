using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NativeKubelet.Linux.Cgroups;
using NativeKubelet.Linux.Libc;
using NativeKubelet.Linux.Systemd;

namespace NativeKubelet.Runtime.Cgroups;

/// <summary>
/// Has systemd make groups: a slice for each that holds others, a scope for each that holds a process. systemd keeps their
/// values through a daemon-reload. What it leaves out is done by hand at the same path: huge pages, version 2 controllers that
/// it hands down only on demand (cpuset, hugetlb), and version 1 hierarchies that are not its own (cpuset, freezer, …).
/// </summary>
public sealed partial class SystemdDriver : ICgroupDriver
{
    /// <summary>The first release that knows CollectMode.</summary>
    private const int CollectSince = 236;

    private readonly CgroupFs _groups;
    private readonly SystemdManager _systemd;
    private readonly int _version;
    private readonly ILogger _log;

    private SystemdDriver(CgroupFs groups, SystemdManager systemd, int version, ILogger log) =>
        (_groups, _systemd, _version, _log) = (groups, systemd, version, log);

    private bool Unified => _groups.Layout.Unified;

    /// <exception cref="SystemdException">systemd does not answer; the message says what to do.</exception>
    public static async Task<SystemdDriver> OpenAsync(CgroupFs groups, SystemdManager systemd, ILogger<SystemdDriver> log, CancellationToken cancel) =>
        new(groups, systemd, await systemd.VersionAsync(cancel), log);

    public async Task<ErrnoException?> CreateAsync(string group, CgroupValues values, CancellationToken cancel)
    {
        string[] path = group.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path.Length == 0) return null;       // the root slice is always there
        ImmutableArray<UnitProperty> properties =
        [
            UnitProperty.Text("Description", $"NativeKubelet {path[^1]}"),
            .. path.Length > 1 ? [UnitProperty.Names("Wants", path[^2])] : ImmutableArray<UnitProperty>.Empty,
            UnitProperty.Flag("DefaultDependencies", false),
            .. Accounting(),
            .. UnitLimits.For(values, Unified, _version),
        ];
        bool made = await _systemd.TryStartTransientAsync(path[^1], properties, cancel);
        _groups.Create(group);
        return made ? _groups.TryApply(group, UnitLimits.Rounded(values)) : null;
    }

    public async Task SetAsync(string group, CgroupValues values, CancellationToken cancel)
    {
        ImmutableArray<UnitProperty> properties = UnitLimits.For(values, Unified, _version);
        if (!properties.IsEmpty) await _systemd.SetPropertiesAsync(UnitOf(group), properties, cancel);
        _groups.Apply(group, UnitLimits.Rounded(values));
    }

    public async Task PlaceAsync(string leaf, int pid, CancellationToken cancel)
    {
        string unit = UnitOf(leaf), slice = UnitOf(Path.GetDirectoryName(leaf)!);
        ImmutableArray<UnitProperty> properties =
        [
            UnitProperty.Text("Description", $"NativeKubelet {unit}"),
            UnitProperty.Text("Slice", slice),
            UnitProperty.Flag("Delegate", true),
            UnitProperty.Flag("DefaultDependencies", false),
            .. _version >= CollectSince ? [UnitProperty.Text("CollectMode", "inactive-or-failed")] : ImmutableArray<UnitProperty>.Empty,
            .. Accounting(),
            UnitProperty.Processes(pid),
        ];
        if (!await _systemd.TryStartTransientAsync(unit, properties, cancel))
        {
            // One of that name that failed keeps the name until it is forgotten.
            await _systemd.ResetFailedAsync(unit, cancel);
            if (!await _systemd.TryStartTransientAsync(unit, properties, cancel)) throw new SystemdException("starting", unit, "there is such a unit already");
        }
        _groups.Create(leaf);
        if (!Unified) _groups.Attach(leaf, pid);
    }

    public async Task<bool> DestroyAsync(string group, CancellationToken cancel)
    {
        // Killed by us, as systemd would first ask each process nicely, for a minute and a half.
        _groups.Kill(group);
        string unit = UnitOf(group);
        try
        {
            await _systemd.StopAsync(unit, cancel);
            // A scope that was killed has failed, and would be remembered for ever.
            if (unit.EndsWith(".scope", StringComparison.Ordinal)) await _systemd.ResetFailedAsync(unit, cancel);
        }
        catch (SystemdException e)
        {
            // The processes are what matters, and for those nobody has to be asked.
            UnitNotStopped(unit, e.Message);
        }
        return await _groups.DestroyAsync(group, cancel);
    }

    private UnitProperty[] Accounting() =>
    [
        UnitProperty.Flag("CPUAccounting", true), UnitProperty.Flag("MemoryAccounting", true),
        UnitProperty.Flag(Unified ? "IOAccounting" : "BlockIOAccounting", true), UnitProperty.Flag("TasksAccounting", true),
    ];

    private static string UnitOf(string group) => Path.GetFileName(group);

    [LoggerMessage(LogLevel.Warning, "UnitNotStopped unit={Unit}: {Cause}; its processes were killed all the same")]
    private partial void UnitNotStopped(string unit, string cause);
}
