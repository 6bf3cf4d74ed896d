import 'package:flutter/material.dart';
import 'package:flutter_ai_providers/flutter_ai_providers.dart';
import 'package:flutter_ai_toolkit/flutter_ai_toolkit.dart';

// Given at build time: flutter run --dart-define=FAREBOX_KEY=pk-…
// The key is publishable: an app that carries it gives nothing away.
const baseUrl = String.fromEnvironment(
  'FAREBOX_BASE_URL',
  defaultValue: 'http://127.0.0.1:8503/v1',
);
const apiKey = String.fromEnvironment('FAREBOX_KEY');

// The ID token of the user, where they sign in (Firebase, Supabase, Auth0 …). With Firebase:
// await FirebaseAuth.instance.currentUser?.getIdToken()
const userToken = String.fromEnvironment('FAREBOX_USER_TOKEN');

void main() => runApp(const ExampleApp());

class ExampleApp extends StatelessWidget {
  const ExampleApp({super.key});

  @override
  Widget build(BuildContext context) {
    const seed = Color(0xFF0B6E4F);
    return MaterialApp(
      title: 'Ask',
      theme: ThemeData(colorScheme: ColorScheme.fromSeed(seedColor: seed)),
      home: const ChatPage(),
    );
  }
}

class ChatPage extends StatefulWidget {
  const ChatPage({super.key});

  @override
  State<ChatPage> createState() => _ChatPageState();
}

class _ChatPageState extends State<ChatPage> {
  // Made once: the provider holds the conversation.
  final _provider = OpenAIProvider(
    baseUrl: baseUrl,
    apiKey: apiKey,
    model: 'gpt-4.1-nano', // what the project's template says counts
    headers: userToken.isEmpty ? null : {'X-User-Token': userToken},
  );

  @override
  void dispose() {
    _provider.dispose();
    super.dispose();
  }

  @override
  Widget build(BuildContext context) {
    return Scaffold(
      appBar: AppBar(title: const Text('Ask')),
      body: LlmChatView(
        provider: _provider,
        welcomeMessage: 'What would you like to know?',
        onErrorCallback: (context, error) => ScaffoldMessenger.of(context)
            .showSnackBar(SnackBar(content: Text(plainly(error)))),
      ),
    );
  }
}

/// What went wrong, in plain words; the error's text has the answer's status.
String plainly(LlmException error) {
  final status = RegExp(r'"code": (\d{3})\b').firstMatch(error.toString())?[1];
  return switch (status) {
    '401' => 'The key or the sign-in is not valid, or not any more.',
    '402' => 'Your credits are used up.',
    '403' => 'That is not allowed here.',
    '429' => 'That was too much for now. Try again later.',
    _ => 'The model cannot answer right now.',
  };
}
