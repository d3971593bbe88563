using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>Containers of every kind: names, images, ports, environment, and what only some kinds may have.</summary>
internal static class ContainerValidation
{
    public static void All(V1PodSpec spec, HashSet<string> volumes, FieldErrors errors)
    {
        if (spec.Containers is not { Count: > 0 }) errors.Required("spec.containers");
        HashSet<string> names = new(StringComparer.Ordinal);
        HashSet<(int, string, string)> hostPorts = [];
        foreach ((string path, V1Container container) in PodContainers.Of(spec))
        {
            bool init = path.StartsWith("spec.init", StringComparison.Ordinal);
            Name(container, path, names, errors);
            if (string.IsNullOrEmpty(container.Image)) errors.Required($"{path}.image");
            else if (container.Image.Trim() != container.Image) errors.Invalid($"{path}.image", container.Image, "must not have leading or trailing whitespace");
            errors.OneOf($"{path}.imagePullPolicy", container.ImagePullPolicy, "Always", "IfNotPresent", "Never");
            errors.OneOf($"{path}.terminationMessagePolicy", container.TerminationMessagePolicy, "File", "FallbackToLogsOnError");
            Ports(container, path, spec, init ? null : hostPorts, errors);
            EnvironmentValidation.Container(container, path, spec, errors);
            CheckWords($"{path}.command", container.Command, errors);
            CheckWords($"{path}.args", container.Args, errors);
            VolumeValidation.Mounts(container, path, volumes, errors);
            VolumeValidation.Devices(container, spec.Volumes ?? [], path, errors);
            ResourceValidation.Container(container.Resources, $"{path}.resources", errors);
            SecurityValidation.Container(container.SecurityContext, spec, $"{path}.securityContext", errors);
            ProbeValidation.Container(container, spec, path, init, errors);
            Restarts(container, path, errors);
            WorkingDirectory(container, path, errors);
        }
    }

    private static void Name(V1Container container, string path, HashSet<string> names, FieldErrors errors)
    {
        string name = container.Name ?? "";
        if (name.Length == 0) errors.Required($"{path}.name");
        else if (NameRules.Label(name) is { } fault) errors.Invalid($"{path}.name", name, fault);
        else if (!names.Add(name)) errors.Duplicate($"{path}.name", name);
    }

    private static void Ports(V1Container container, string path, V1PodSpec spec, HashSet<(int, string, string)>? taken, FieldErrors errors)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < (container.Ports?.Count ?? 0); i++)
        {
            V1ContainerPort port = container.Ports![i];
            string at = $"{path}.ports[{i}]";
            if (!string.IsNullOrEmpty(port.Name))
            {
                if (NameRules.PortName(port.Name) is { } fault) errors.Invalid($"{at}.name", port.Name, fault);
                else if (!names.Add(port.Name)) errors.Duplicate($"{at}.name", port.Name);
            }
            if (port.ContainerPort == 0) errors.Required($"{at}.containerPort");
            else errors.Range($"{at}.containerPort", port.ContainerPort, 1, 65535);
            errors.OneOf($"{at}.protocol", port.Protocol, "SCTP", "TCP", "UDP");
            if (!string.IsNullOrEmpty(port.HostIP)) PodValidation.Address($"{at}.hostIP", port.HostIP, errors);
            if (port.HostPort is not { } host || host == 0) continue;
            errors.Range($"{at}.hostPort", host, 1, 65535);
            if (spec.HostNetwork == true && host != port.ContainerPort)
                errors.Invalid($"{at}.containerPort", port.ContainerPort, "must match `hostPort` when `hostNetwork` is true");
            if (taken?.Add((host, port.Protocol, port.HostIP ?? "")) == false) errors.Duplicate($"{at}.hostPort", $"{port.HostIP}/{port.Protocol}/{host}".TrimStart('/'));
        }
    }

    private static void CheckWords(string path, IList<string>? words, FieldErrors errors)
    {
        for (int i = 0; i < (words?.Count ?? 0); i++)
            if (words![i].Contains('\0', StringComparison.Ordinal)) errors.Invalid($"{path}[{i}]", "", "must not contain NUL");
    }

    private static void WorkingDirectory(V1Container container, string path, FieldErrors errors)
    {
        if (container.WorkingDir is not { Length: > 0 } directory) return;
        // The image's is checked at start; this one is known now, and no start can make it right (CVE-2024-21626).
        string[] parts = directory.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (directory[0] != '/') errors.Invalid($"{path}.workingDir", directory, "must be an absolute path");
        else if (parts is ["proc", ..]) errors.Invalid($"{path}.workingDir", directory, "must not be under /proc");
    }

    private static void Restarts(V1Container container, string path, FieldErrors errors)
    {
        if (container.RestartPolicy is { } policy) errors.OneOf($"{path}.restartPolicy", policy, "Always", "Never", "OnFailure");
        if (container.RestartPolicyRules is not { Count: > 0 } rules) return;
        if (container.RestartPolicy is null) errors.Required($"{path}.restartPolicy", "must specify restartPolicy when restart rules are used");
        if (rules.Count > 20) errors.Invalid($"{path}.restartPolicyRules", rules.Count, "must have at most 20 items");
        for (int i = 0; i < rules.Count; i++)
        {
            string at = $"{path}.restartPolicyRules[{i}]";
            errors.OneOf($"{at}.action", rules[i].Action, "Restart", "RestartAllContainers");
            if (rules[i].ExitCodes is not { } codes)
            {
                errors.Required($"{at}.exitCodes");
                continue;
            }
            errors.OneOf($"{at}.exitCodes.operator", codes.OperatorProperty, "In", "NotIn");
            if (codes.Values is not { Count: > 0 }) errors.Required($"{at}.exitCodes.values");
            else if (codes.Values.Count > 255) errors.Invalid($"{at}.exitCodes.values", codes.Values.Count, "must have at most 255 items");
        }
    }
}
