using System.Net.NetworkInformation;
using System.Text.Json;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>Settings of pods on their whole way: from a manifest through the program to what a container finds.</summary>
public sealed class PodSettingsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public PodSettingsTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it runs pods");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public Task Variables_come_from_objects_fields_and_amounts() => HoldsAsync(
        // A machine that has no network has no address to tell either.
        (NetworkInterface.GetAllNetworkInterfaces().Any(i => i.NetworkInterfaceType != NetworkInterfaceType.Loopback && i.GetIPProperties().GatewayAddresses.Count > 0) ? "[ -n \"$HOST\" ] && " : "") +
        """
        [ "$COLOUR" = red ] && [ "$P_COLOUR" = red ] && [ "$KEY" = "s3 cret" ] && [ "$TEXT" = "red and s3 cret" ] && [ "$NONE" = "" ] &&
        [ "$NAME" = "$(hostname)" ] && [ "$LABEL" = web ] && [ "$CPU" = 250 ] && [ -n "$IP" ] && ip addr | grep -q "inet $IP/" && [ "$MEMORY" -gt 0 ]
        """,
        """
        envFrom: [{configMapRef: {name: settings}}, {configMapRef: {name: settings}, prefix: P_}, {secretRef: {name: absent, optional: true}}]
        env:
        - {name: KEY, valueFrom: {secretKeyRef: {name: keys, key: key}}}
        - {name: TEXT, value: $(COLOUR) and $(KEY)}
        - {name: NONE, valueFrom: {configMapKeyRef: {name: settings, key: none, optional: true}}}
        - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: LABEL, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
        - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        - {name: HOST, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
        - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
        - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
        resources: {limits: {cpu: 250m}}
        """,
        objects: """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        data: {COLOUR: red}
        ---
        apiVersion: v1
        kind: Secret
        metadata: {name: keys}
        stringData: {key: s3 cret}
        ---

        """);

    [Fact]
    public Task Names_are_those_asked_for() => HoldsAsync(
        // A run has no cluster domain, so nothing follows the last dot.
        """[ "$(hostname)" = web.sub.default.svc. ] && grep -q "web.sub.default.svc.[[:space:]]*web" /etc/hosts && grep -q "^1.2.3.4.*alias" /etc/hosts && [ "$HOSTNAME" = "$(hostname)" ]""",
        "", "hostname: web\nsubdomain: sub\nsetHostnameAsFQDN: true\nhostAliases: [{ip: 1.2.3.4, hostnames: [alias]}]");

    [Fact]
    public Task A_name_given_over_all_others_has_no_domain() => HoldsAsync(
        """[ "$(hostname)" = other.example ] && ! grep -q svc /etc/hosts""", "", "hostname: web\nsubdomain: sub\nhostnameOverride: other.example");

    [Fact]
    public Task Resolvers_are_those_of_the_pod() => HoldsAsync(
        """[ "$(cat /etc/resolv.conf | tr '\n' ';')" = "search a.example b.example;nameserver 9.9.9.9;options ndots:2;" ]""",
        "", "dnsPolicy: None\ndnsConfig: {nameservers: [9.9.9.9], searches: [a.example, b.example], options: [{name: ndots, value: '2'}]}");

    [Fact]
    public Task A_pod_with_users_of_its_own_and_the_default_filter_runs_on_the_bridge() => HoldsAsync(
        """[ "$(id -u)" = 0 ] && grep -q ' 65536$' /proc/self/uid_map && grep -q '^Seccomp:.*2' /proc/self/status && ip addr | grep -q eth0 && cat /proc/sys/net/ipv4/ip_local_port_range | grep -q 4000""",
        "", "hostUsers: false\nsecurityContext: {seccompProfile: {type: RuntimeDefault}, sysctls: [{name: net.ipv4.ip_local_port_range, value: 4000 5000}]}");

    [Fact]
    public Task A_pod_in_the_hosts_namespaces_sees_the_host() => HoldsAsync(
        $"""[ "$(readlink /proc/self/ns/net)" = "{Link("net")}" ] && [ "$(readlink /proc/self/ns/ipc)" = "{Link("ipc")}" ] && [ "$(readlink /proc/self/ns/pid)" = "{Link("pid")}" ] && [ "$(hostname)" = "{File.ReadAllText("/proc/sys/kernel/hostname").Trim()}" ]""",
        "", "hostNetwork: true\nhostPID: true\nhostIPC: true");

    [Fact]
    public async Task A_forbidden_kernel_parameter_rejects_the_pod()
    {
        (int code, string output) = await RunAsync("true", "", "securityContext: {sysctls: [{name: kernel.core_pattern, value: x}]}");

        Assert.NotEqual(0, code);
        Assert.Contains("SysctlForbidden", output, StringComparison.Ordinal);
    }

    private static string Link(string space) => File.ResolveLinkTarget($"/proc/self/ns/{space}", false)!.Name;

    private async Task HoldsAsync(string script, string container, string spec = "", string objects = "")
    {
        (int code, string output) = await RunAsync($"{script} && exit 0; env; cat /etc/hosts /etc/resolv.conf; hostname; exit 9", container, spec, objects);
        Assert.True(code == 0, output);
    }

    private Task<(int Code, string Output)> RunAsync(string script, string container, string spec, string objects = "")
    {
        string Indented(string lines, string by) => string.Concat(lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => $"{by}{l}\n"));
        string path = Path.Combine(_directory, "pod.yaml");
        File.WriteAllText(path,
            objects + "apiVersion: v1\nkind: Pod\nmetadata: {name: pod, labels: {app: web}}\nspec:\n  restartPolicy: Never\n" + Indented(spec, "  ")
            + $"  containers:\n  - name: main\n    image: {AgentHost.Image}\n    imagePullPolicy: Never\n    command: [sh, -c, {JsonSerializer.Serialize(script)}]\n" + Indented(container, "    "));
        return RunTests.RunAsync("--until=done", "--timeout=110s", $"--preload={ProgramFile.DemoImage}", path);
    }
}
