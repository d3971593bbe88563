using System.Globalization;
using k8s.Models;

namespace NativeKubelet.Core.Manifests;

/// <summary>Probes and hooks: one handler each, sane numbers, and only where their kind may have them.</summary>
internal static class ProbeValidation
{
    public static void Container(V1Container container, V1PodSpec spec, string path, bool init, FieldErrors errors)
    {
        if (init && container.RestartPolicy != "Always")
        {
            const string detail = "may not be set for init containers without restartPolicy=Always";
            if (container.Lifecycle is not null) errors.Forbidden($"{path}.lifecycle", detail);
            if (container.LivenessProbe is not null) errors.Forbidden($"{path}.livenessProbe", detail);
            if (container.ReadinessProbe is not null) errors.Forbidden($"{path}.readinessProbe", detail);
            if (container.StartupProbe is not null) errors.Forbidden($"{path}.startupProbe", detail);
            return;
        }
        Probe(container.LivenessProbe, $"{path}.livenessProbe", onlyOneSuccess: true, ownGrace: true, errors);
        Probe(container.ReadinessProbe, $"{path}.readinessProbe", onlyOneSuccess: false, ownGrace: false, errors);
        Probe(container.StartupProbe, $"{path}.startupProbe", onlyOneSuccess: true, ownGrace: true, errors);
        Hook(container.Lifecycle?.PostStart, $"{path}.lifecycle.postStart", spec, errors);
        Hook(container.Lifecycle?.PreStop, $"{path}.lifecycle.preStop", spec, errors);
        if (container.Lifecycle?.StopSignal is not null) errors.Forbidden($"{path}.lifecycle.stopSignal", "needs the feature gate ContainerStopSignals, which is off");
    }

    private static void Probe(V1Probe? probe, string path, bool onlyOneSuccess, bool ownGrace, FieldErrors errors)
    {
        if (probe is null) return;
        Handlers(path, errors, ("exec", probe.Exec), ("httpGet", probe.HttpGet), ("tcpSocket", probe.TcpSocket), ("grpc", probe.Grpc));
        Exec(probe.Exec, path, errors);
        HttpGet(probe.HttpGet, path, errors);
        if (probe.TcpSocket is { } tcp) Port($"{path}.tcpSocket.port", tcp.Port, errors);
        if (probe.Grpc is { } grpc) errors.Range($"{path}.grpc.port", grpc.Port, 1, 65535);
        errors.NotNegative($"{path}.initialDelaySeconds", probe.InitialDelaySeconds);
        errors.NotNegative($"{path}.timeoutSeconds", probe.TimeoutSeconds);
        errors.NotNegative($"{path}.periodSeconds", probe.PeriodSeconds);
        errors.NotNegative($"{path}.successThreshold", probe.SuccessThreshold);
        errors.NotNegative($"{path}.failureThreshold", probe.FailureThreshold);
        if (onlyOneSuccess && probe.SuccessThreshold is { } successes && successes != 1) errors.Invalid($"{path}.successThreshold", successes, "must be 1");
        if (probe.TerminationGracePeriodSeconds is not { } grace) return;
        if (!ownGrace) errors.Invalid($"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes");
        else if (grace <= 0) errors.Invalid($"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0");
    }

    private static void Hook(V1LifecycleHandler? hook, string path, V1PodSpec spec, FieldErrors errors)
    {
        if (hook is null) return;
        Handlers(path, errors, ("exec", hook.Exec), ("httpGet", hook.HttpGet), ("tcpSocket", hook.TcpSocket), ("sleep", hook.Sleep));
        Exec(hook.Exec, path, errors);
        HttpGet(hook.HttpGet, path, errors);
        if (hook.TcpSocket is { } tcp) Port($"{path}.tcpSocket.port", tcp.Port, errors);
        if (hook.Sleep is { } sleep && (sleep.Seconds < 0 || sleep.Seconds > spec.TerminationGracePeriodSeconds))
            errors.Invalid($"{path}.sleep.seconds", sleep.Seconds, $"must be non-negative and less than terminationGracePeriodSeconds ({spec.TerminationGracePeriodSeconds})");
    }

    private static void Handlers(string path, FieldErrors errors, params ReadOnlySpan<(string Name, object? Value)> handlers)
    {
        bool seen = false;
        foreach ((string name, object? value) in handlers)
        {
            if (value is null) continue;
            if (seen) errors.Forbidden($"{path}.{name}", "may not specify more than 1 handler type");
            seen = true;
        }
        if (!seen) errors.Required(path, "must specify a handler type");
    }

    private static void Exec(V1ExecAction? exec, string path, FieldErrors errors)
    {
        if (exec is not null && exec.Command is not { Count: > 0 }) errors.Required($"{path}.exec.command");
    }

    private static void HttpGet(V1HTTPGetAction? get, string path, FieldErrors errors)
    {
        if (get is null) return;
        Port($"{path}.httpGet.port", get.Port, errors);
        errors.OneOf($"{path}.httpGet.scheme", get.Scheme, "HTTP", "HTTPS");
        for (int i = 0; i < (get.HttpHeaders?.Count ?? 0); i++)
        {
            V1HTTPHeader header = get.HttpHeaders![i];
            bool good = header.Name is { Length: > 0 } name && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
            if (!good) errors.Invalid($"{path}.httpGet.httpHeaders[{i}].name", header.Name ?? "", "a valid HTTP header must consist of alphanumeric characters or '-'");
            if (header.Value?.AsSpan().ContainsAny('\r', '\n') == true) errors.Invalid($"{path}.httpGet.httpHeaders[{i}].value", "", "must not contain line breaks");
        }
    }

    private static void Port(string field, IntOrString? port, FieldErrors errors)
    {
        string text = port?.Value ?? "";
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number)) errors.Range(field, number, 1, 65535);
        else if (text.Length == 0) errors.Required(field);
        else errors.Invalid(field, text, NameRules.PortName(text));
    }
}
