using System.Collections.Immutable;
using System.Text.Json;
using NativeKubelet.Api.Oci;

namespace NativeKubelet.Core.Containers.Seccomp;

/// <summary>From a profile as it is written to the filter of one container: conditions are decided, the rest is checked.</summary>
public static class SeccompProfile
{
    private static readonly ImmutableArray<string> Actions =
    [
        "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG",
    ];

    private static readonly ImmutableArray<string> Comparisons =
        ["SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"];

    /// <exception cref="FormatException">It is no profile that could be kept to; the message says where.</exception>
    public static SeccompFile Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, SeccompFileJson.Default.SeccompFile) ?? throw new FormatException("it is empty");
        }
        catch (JsonException e)
        {
            throw new FormatException($"{e.Message}", e);
        }
    }

    /// <param name="capabilities">The container's bounding set.</param>
    /// <exception cref="FormatException">An action or comparison that no runtime knows, or one that needs a listener.</exception>
    public static RuntimeSeccomp Resolve(SeccompFile file, ImmutableArray<string> capabilities, SeccompMachine machine)
    {
        if (!string.IsNullOrEmpty(file.ListenerPath)) throw new FormatException("listenerPath: nobody listens for seccomp notifications here");
        List<RuntimeSyscalls> rules = [];
        int number = -1;
        foreach (SeccompRule? rule in file.Syscalls ?? [])
        {
            number++;
            if (rule is null) throw new FormatException($"syscalls[{number}] is null");
            if (!Counts(rule, capabilities, machine)) continue;
            IReadOnlyList<string> names = rule.Names is { Count: > 0 } given ? given : rule.Name is { Length: > 0 } name ? [name]
                : throw new FormatException($"syscalls[{number}] names no call");
            if (names.Any(string.IsNullOrEmpty)) throw new FormatException($"syscalls[{number}] names no call");
            foreach (RuntimeSyscallArgument? argument in rule.Args ?? [])
                if (argument is null || argument.Index > 5 || !Comparisons.Contains(argument.Op)) throw new FormatException($"syscalls[{number}].args: {argument}");
            rules.Add(new(names, Known(rule.Action, $"syscalls[{number}].action"), rule.ErrnoRet, rule.Args is { Count: > 0 } ? rule.Args : null));
        }
        return new(Known(file.DefaultAction, "defaultAction"), Architectures(file, machine), rules, file.DefaultErrnoRet, file.Flags is { Count: > 0 } ? file.Flags : null);
    }

    private static bool Counts(SeccompRule rule, ImmutableArray<string> capabilities, SeccompMachine machine)
    {
        if (rule.Includes is { } needs
            && !((needs.Caps ?? []).All(capabilities.Contains)
                && (needs.Arches is not { Count: > 0 } arches || arches.Contains(machine.Architecture))
                && (string.IsNullOrEmpty(needs.MinKernel) || machine.HasKernel(needs.MinKernel))))
            return false;
        return rule.Excludes is not { } bars
            || !((bars.Caps ?? []).Any(capabilities.Contains) || (bars.Arches ?? []).Contains(machine.Architecture)
                || (!string.IsNullOrEmpty(bars.MinKernel) && machine.HasKernel(bars.MinKernel)));
    }

    private static IReadOnlyList<string> Architectures(SeccompFile file, SeccompMachine machine)
    {
        if (file.Architectures is { Count: > 0 } listed) return [.. listed.Where(a => !string.IsNullOrEmpty(a))];
        // A map has one entry per machine; without either, the filter is for the machine's own programs alone, as libseccomp has it.
        if (file.ArchMap?.FirstOrDefault(m => machine.Architectures is [var own, ..] && m?.Architecture == own) is { Architecture: { } mapped } entry)
            return [mapped, .. entry.SubArchitectures ?? []];
        return [];
    }

    private static string Known(string? action, string where) =>
        action is not null && Actions.Contains(action) ? action : throw new FormatException($"{where}: \"{action}\" is none of {string.Join(", ", Actions)}");
}
