using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Core.Containers;

/// <summary>A container's environment and command line, from the image's and the pod's parts (spec 32 §3.1, §3.2).</summary>
public static class ContainerEnvironment
{
    public const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>
    /// The variables that the pod declares: those of whole objects first, then its own in order. A written value sees what
    /// stands before it; a value from elsewhere is taken as it is. The last of one name counts. What tells of services comes after all.
    /// </summary>
    /// <exception cref="ContainerConfigException">A reference leads nowhere and is not optional.</exception>
    public static ImmutableArray<KeyValuePair<string, string>> Declared(V1Pod pod, V1Container container, EnvironmentSources sources)
    {
        OrderedVariables variables = new();
        Dictionary<string, string> services = new(sources.Services);
        foreach (V1EnvFromSource source in container.EnvFrom ?? [])
            foreach ((string key, string value) in WholeObject(source, sources))
                variables.Set(source.Prefix + key, Usable(value, source.Prefix + key));
        foreach (V1EnvVar variable in container.Env ?? [])
        {
            string? value = !string.IsNullOrEmpty(variable.Value) ? VariableExpansion.Expand(variable.Value, name => variables.Find(name) ?? services.GetValueOrDefault(name))
                : variable.ValueFrom is { } from ? EnvironmentReferences.Value(pod, container, from, sources)
                : "";
            if (value is not null) variables.Set(variable.Name, Usable(value, variable.Name));
        }
        foreach ((string name, string value) in sources.Services) variables.Complete(name, value);
        return variables.All;
    }

    /// <summary>The whole environment as NAME=value: the image's, overridden by the pod's, completed by what every program expects.</summary>
    /// <param name="home">The user's home from the image's passwd; empty where it is not listed.</param>
    public static ImmutableArray<string> Compose(ImageConfig image, ImmutableArray<KeyValuePair<string, string>> declared, string hostname, bool terminal, string home)
    {
        OrderedVariables variables = new();
        foreach (string entry in image.Env)
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0) variables.Set(entry[..equals], entry[(equals + 1)..]);
        }
        foreach ((string name, string value) in declared) variables.Set(name, value);
        variables.Complete("PATH", DefaultPath);
        variables.Complete("HOSTNAME", hostname);
        if (terminal) variables.Complete("TERM", "xterm");
        if (home.Length > 0) variables.Complete("HOME", home);
        return [.. variables.All.Select(v => $"{v.Key}={v.Value}")];
    }

    /// <summary>command replaces the entry point and drops the image's arguments; args replace those alone.</summary>
    /// <exception cref="ContainerConfigException">Neither the image nor the pod names a program.</exception>
    public static ImmutableArray<string> CommandLine(ImageConfig image, V1Container container, ImmutableArray<KeyValuePair<string, string>> declared)
    {
        Dictionary<string, string> known = new(declared);
        IEnumerable<string> Expanded(IList<string>? words) => (words ?? []).Select(w => VariableExpansion.Expand(w, known.GetValueOrDefault));

        ImmutableArray<string> line = (container.Command is { Count: > 0 }, container.Args is { Count: > 0 }) switch
        {
            (true, _) => [.. Expanded(container.Command), .. Expanded(container.Args)],
            (false, true) => [.. image.Entrypoint, .. Expanded(container.Args)],
            _ => [.. image.Entrypoint, .. image.Cmd],
        };
        return line.IsEmpty
            ? throw new ContainerConfigException($"no command specified: image {container.Image} has neither an entry point nor a command; set command in the pod")
            : line;
    }

    /// <exception cref="ContainerConfigException">
    /// Not absolute, or under /proc after normalising: there an fd that leaked from the runtime would be the container's way out (CVE-2024-21626).
    /// </exception>
    public static string WorkingDirectory(ImageConfig image, V1Container container)
    {
        string wanted = !string.IsNullOrEmpty(container.WorkingDir) ? container.WorkingDir : image.WorkingDir;
        if (wanted.Length == 0) return "/";
        if (wanted[0] != '/') throw new ContainerConfigException($"working directory \"{wanted}\" is not absolute");

        Stack<string> parts = [];
        foreach (string part in wanted.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".") continue;
            if (part != "..") parts.Push(part);
            else parts.TryPop(out _);
        }
        string normal = "/" + string.Join('/', parts.Reverse());
        return normal == "/proc" || normal.StartsWith("/proc/", StringComparison.Ordinal)
            ? throw new ContainerConfigException($"working directory \"{wanted}\" is under /proc, where it could reach files of the host; choose another")
            : normal;
    }

    private static IEnumerable<KeyValuePair<string, string>> WholeObject(V1EnvFromSource source, EnvironmentSources sources)
    {
        IReadOnlyDictionary<string, string>? found = null;
        if (source.ConfigMapRef is { } map)
            found = sources.ConfigMap(map.Name) ?? Missing(map.Optional, $"configmap \"{map.Name}\" not found");
        else if (source.SecretRef is { } secret)
            found = sources.Secret(secret.Name) ?? Missing(secret.Optional, $"secret \"{secret.Name}\" not found");
        // Names that no environment can hold would become other variables; the API's own form of keys has none.
        return (found ?? ImmutableDictionary<string, string>.Empty).Where(p => NameRules.EnvName(source.Prefix + p.Key) is null).OrderBy(p => p.Key, StringComparer.Ordinal);
    }

    private static IReadOnlyDictionary<string, string>? Missing(bool? optional, string words) =>
        optional == true ? null : throw new ContainerConfigException(words);

    private static string Usable(string value, string name) =>
        // The kernel ends a variable at NUL: what follows would be lost.
        value.Contains('\0', StringComparison.Ordinal) ? throw new ContainerConfigException($"environment variable {name}: its value holds a NUL byte") : value;
}
